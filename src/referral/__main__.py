from referral.entrypoints.cli.main import main

main()
